//! The protocol of Microsoft Graph's calendar delta query, without I/O.
