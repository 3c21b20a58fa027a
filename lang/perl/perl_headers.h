// SPDX-License-Identifier: Apache-2.0
/*
 * Perl's own headers, with which every file of the extension begins, and what the files have of each other.
 * One interpreter, one thread. Functions that croak() leave by longjmp: nothing is held across a call of
 * Perl.
 */
#pragma once

#define PERL_NO_GET_CONTEXT
#include <EXTERN.h>
#include <XSUB.h>
#include <perl.h>

#include "remuda_template.h"

// Makes %ENV, the time the program began and the seed of rand() those of a process that has just been
// started.
void remuda_perl_renew(pTHX);

// Leaves out, at the program's end, what cannot be noticed.
void remuda_perl_end_early(pTHX);

// The last before the first fork.
void remuda_perl_settle_heap(pTHX);

// What a function of Perl is called, and its C code.
typedef struct {
  const char* name;
  XSUBADDR_t code;
} RemudaFunction;

void remuda_perl_define(pTHX_ const RemudaFunction* functions, size_t count);

void remuda_perl_boot_template(pTHX);
void remuda_perl_boot_script(pTHX);
void remuda_perl_boot_app(pTHX);
