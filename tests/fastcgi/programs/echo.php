<?php
// SPDX-License-Identifier: Apache-2.0
header('Content-Type: text/plain');
if (isset($_GET['error'])) error_log('something is wrong');
if (isset($_GET['slow'])) usleep(300000);
echo getmypid(), ' ', file_get_contents('php://input');
