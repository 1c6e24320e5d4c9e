//! The permission facade of AIIDA.
