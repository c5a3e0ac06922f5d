#!/usr/bin/python3
"""Starts the venue server: python3 tests/venue/server.py --help."""
import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from venue.app import main  # noqa: E402  (the path has to be set first)

if __name__ == '__main__':
    sys.exit(main())
