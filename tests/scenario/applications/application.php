<?php // SPDX-License-Identifier: Apache-2.0
// The application of the FastCGI scenarios in PHP; the last part of PATH_INFO says what to do.
header('Content-Type: text/plain');
switch (basename($_SERVER['PATH_INFO'] ?? '')) {
  case 'environment':
    echo 'PID=', getmypid(), "\n";
    foreach ($_SERVER as $name => $value) if (is_string($value)) echo "$name=$value\n";
    break;
  case 'echo':
    header('Content-Type: application/octet-stream');
    header('Content-Length: ' . $_SERVER['CONTENT_LENGTH']);
    readfile('php://input');
    break;
  case 'big':
    for ($left = (int)$_SERVER['QUERY_STRING']; $left > 0; $left -= 65536) echo str_repeat('x', min($left, 65536));
    break;
  case 'status':
    http_response_code(418);
    echo "tea\n";
    break;
  case 'redirect':
    header('Location: http://elsewhere.example/' . $_SERVER['QUERY_STRING']);
    break;
  case 'local':
    header('Location: /page.html');
    break;
  case 'errors':
    error_log('complaint of ' . $_SERVER['QUERY_STRING']);
    echo "complained\n";
    break;
  case 'slow':
    usleep(1000 * (int)$_SERVER['QUERY_STRING']);
    echo getmypid(), "\n";
    break;
  case 'upload':
    $file = $_FILES['file'];
    echo $file['name'], ' ', $file['size'], ' ', md5_file($file['tmp_name']), ' ', $_POST['words'], "\n";
    break;
  default:
    echo "hello\n";
}
