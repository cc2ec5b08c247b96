"""The course's tools: release exercises, check and grade them, and tell a student which mistake it was."""
