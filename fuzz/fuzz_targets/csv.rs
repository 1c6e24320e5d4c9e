//! Text in a cell of a table, and whole tables, made up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use metergate_fuzz::table;

fuzz_target!(|bytes: &[u8]| {
    table::check_cell(&String::from_utf8_lossy(bytes));
    table::check_table(bytes);
});
