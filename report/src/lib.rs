//! Reports: a judgement as people and programs read it.

pub mod json;
pub mod junit;
pub mod text;
