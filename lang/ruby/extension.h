// SPDX-License-Identifier: Apache-2.0
//
// What the parts of the Ruby extension share. Everything here runs with Ruby's lock held unless it says so;
// an error of the library becomes a SystemCallError.
#pragma once

#include <remuda_app.h>
#include <remuda_template.h>
#include <ruby.h>
#include <ruby/encoding.h>

namespace remuda::ruby {

// Each defines its classes below the module.
void define_application(VALUE module);  // Remuda::Application
void define_request(VALUE module);      // Remuda::Request
void define_template(VALUE module);     // Remuda::Template

// A request that this process now has to answer.
VALUE wrap(remuda_request* request);

// Rack's environment of a request: a copy of `base` with its parameters in it.
VALUE environment_of(const remuda_request* request, VALUE base);

// The header lines of an answer, in CGI's form. Raises ArgumentError for what no header may be.
VALUE header_block(int status, VALUE headers);

}  // namespace remuda::ruby
