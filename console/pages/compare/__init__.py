"""The page that compares an app's branches, and the forms that copy and remove values there."""
