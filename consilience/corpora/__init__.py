"""What we read: facts as loaded, citations in force, passages, and one state of it all for questions."""
