"""Many runs from one plan (`plan`, `run`), and what they say (`read`, `tables`, `figures`)."""
