"""Plain functions that arrange what a test needs, and return what it asserts on."""

from tests.factories.variables import (
    change_variable,
    changed_variable,
    new_variable,
    remove_variable,
    removed_variable,
    save_variables,
    set_variable,
    variable_audit_rows,
    variable_row,
    variable_values,
)

__all__ = [
    "change_variable",
    "changed_variable",
    "new_variable",
    "remove_variable",
    "removed_variable",
    "save_variables",
    "set_variable",
    "variable_audit_rows",
    "variable_row",
    "variable_values",
]
