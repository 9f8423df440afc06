//! What is asked about, family by family, both ways.
