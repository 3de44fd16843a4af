"""Assets, checks, jobs and sensors, a file a room."""
