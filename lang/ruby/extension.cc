// SPDX-License-Identifier: Apache-2.0
//
// remuda_native.so: remuda_app.h and remuda_template.h as Ruby classes. What it all means is said in those
// headers; what a Rack server makes of it is in remuda/.
#include "extension.h"

extern "C" __attribute__((visibility("default"))) void Init_remuda_native() {
  const VALUE module = rb_define_module("Remuda");
  rb_define_const(module, "BROKEN", INT2FIX(REMUDA_BROKEN));  // how to finish an answer that is not whole
  remuda::ruby::define_application(module);
  remuda::ruby::define_request(module);
  remuda::ruby::define_template(module);
}
