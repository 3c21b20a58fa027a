// SPDX-License-Identifier: Apache-2.0
/*
 * Where PHP keeps a script's exit status, which no function of it tells: in the PHP whose headers this was
 * built with. Constant data.
 */
#pragma once

#include <stddef.h>

typedef struct {
  const char* engine;  // "Zend Engine v4.2.36", whose layout all of 4.2 has; "": none
  size_t size;         // of executor_globals
  size_t exit_status;  // an int, in it
} PhpLayout;

extern const PhpLayout kPhpLayout;
