//! Measuring: latency histograms and the table that every bench prints.
