#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# A CGI program with the modules that nearly all of them load.
import html
import json
import os
import urllib.parse

query = urllib.parse.parse_qs(os.environ.get("QUERY_STRING", ""))
print("Content-Type: text/plain\r\n\r\nhello", html.escape(json.dumps(query)))
