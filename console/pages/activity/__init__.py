"""The pages of what happened and how to take it back: activity, change sets, the recycle bin."""
