//! What becomes of an app's own faults: the client learns that there was one, the log has the rest.
