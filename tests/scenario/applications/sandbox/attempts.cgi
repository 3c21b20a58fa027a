#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""attempts.py as a CGI program: a word in each part of the query, an answer in each line of JSON."""

import json
import os
import sys
from urllib.parse import unquote

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attempts import attempt

words = [unquote(part) for part in os.environ["QUERY_STRING"].split("&")]
print("Content-Type: application/json\n")
print(json.dumps([attempt(word) for word in words]))
