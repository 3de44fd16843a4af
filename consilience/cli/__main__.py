"""`python -m consilience.cli`: the console script by another name."""

from consilience.cli import main

main()
