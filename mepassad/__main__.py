"""`python -m mepassad` is the command `mepassad`."""

from mepassad.cli.main import main

if __name__ == "__main__":
    main()
