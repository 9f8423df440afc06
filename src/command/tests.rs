//! What is read out of texts.
