//! Reports: a judgement as people and programs read it.

pub mod advice;
mod cause;
pub mod fault;
pub mod findings;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
mod pattern;
pub mod sight;
pub mod story;
pub mod text;
mod units;
