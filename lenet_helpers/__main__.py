"""python -m lenet_helpers"""

import sys

from .cli.parser import main

sys.exit(main())
