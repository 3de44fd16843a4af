"""Boolean queries in the syntax of PubMed and of Ovid: read, translated, run exactly."""
