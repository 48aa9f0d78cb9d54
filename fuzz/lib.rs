//! The parts that fuzz targets share.

pub mod bytes;
