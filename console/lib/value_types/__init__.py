"""Types of values, such as URL or integer: how they are written, and which values they allow."""
