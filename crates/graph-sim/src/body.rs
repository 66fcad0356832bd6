//! Bodies of events, as HTML and as text.

/// How much of a body its preview shows, in characters, as Graph's documentation of `bodyPreview` says.
const PREVIEW: usize = 255;

/// What follows an element of this name up to its end tag is no text.
const UNSEEN: [&str; 3] = ["head", "style", "script"];

/// The text of an HTML document: without tags, with the common entities resolved and white space gathered per line.
pub(crate) fn html_to_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tagged)) = rest.split_once('<') {
        text.push_str(before);
        let Some((tag, after)) = tagged.split_once('>') else { break };
        rest = after;
        let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if UNSEEN.contains(&name.to_ascii_lowercase().as_str()) && !tag.starts_with('/') {
            rest = after_end_tag(after, name);
        } else if matches!(name.to_ascii_lowercase().as_str(), "br" | "p" | "div" | "li" | "tr") {
            text.push('\n');
        }
    }
    if !rest.contains('<') {
        text.push_str(rest);
    }
    tidy(&resolve_entities(&text))
}

/// A text as the HTML that Graph makes of it.
pub(crate) fn text_to_html(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', "<br>\n");
    format!("<html>\r\n<head></head>\r\n<body>\r\n{escaped}\r\n</body>\r\n</html>\r\n")
}

/// The beginning of a text.
pub(crate) fn preview(text: &str) -> String {
    text.chars().take(PREVIEW).collect()
}

fn after_end_tag<'a>(html: &'a str, name: &str) -> &'a str {
    let end = format!("</{}", name.to_ascii_lowercase());
    let found = html.to_ascii_lowercase().find(&end).and_then(|at| html.get(at..));
    found.and_then(|rest| rest.split_once('>')).map_or("", |(_, after)| after)
}

fn resolve_entities(text: &str) -> String {
    text.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn tidy(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\r\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_heads_and_styles_are_no_text() {
        let html = "<html><HEAD><title>no</title></HEAD><body><style>p{}</style><p>Milk &amp; <b>bread</b></p><p>Eggs&nbsp;&quot;L&quot;<br>2";
        assert_eq!(html_to_text(html), "Milk & bread\r\nEggs \"L\"\r\n2");
        assert_eq!(html_to_text(""), "");
    }

    #[test]
    fn text_that_looks_like_html_stays_text() {
        let text = "a < b & c > d";
        assert_eq!(html_to_text(&text_to_html(text)), text);
    }

    #[test]
    fn a_preview_is_cut_at_characters() {
        assert_eq!(preview(&"é".repeat(300)).chars().count(), 255);
    }

    proptest! {
        #[test]
        fn no_html_panics(html in "[a-z<>/&; é]{0,60}|<(style|head|p)[ -~é]{0,40}") {
            html_to_text(&html);
        }
    }
}
