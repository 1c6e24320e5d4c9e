//! The end-to-end tests are in `tests/`: `history` walks customers through the whole system, `browser`
//! does it with a real browser, `nginx` tries the edge alone. Nothing is in the library; what the tests
//! share is in `demo` (the whole system on one machine) and `test-support`.
