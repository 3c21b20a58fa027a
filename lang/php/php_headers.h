// SPDX-License-Identifier: Apache-2.0
//
// PHP's headers, in the order that they need.
#pragma once

extern "C" {
#include <main/php.h>
// After it:
#include <Zend/zend_signal.h>
#include <ext/standard/head.h>
#include <main/SAPI.h>
#include <main/php_ini.h>
#include <main/php_main.h>
#include <main/php_variables.h>

// In no header: the files that were read at the start; the second is separated by ",\n".
extern PHPAPI char* php_ini_opened_path;
extern PHPAPI char* php_ini_scanned_files;
}
