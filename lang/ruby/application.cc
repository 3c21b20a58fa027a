// SPDX-License-Identifier: Apache-2.0
//
// Remuda::Application: what this process serves. accept() waits without Ruby's lock, so that the
// application's own threads run meanwhile.
#include <ruby/thread.h>

#include <cerrno>

#include "extension.h"

namespace remuda::ruby {

namespace {

const rb_data_type_t kType{.wrap_struct_name = "Remuda::Application",
                           .function = {},
                           .parent = nullptr,
                           .data = nullptr,
                           .flags = 0};

remuda_app* app_of(VALUE self) {
  auto* const app = static_cast<remuda_app*>(rb_check_typeddata(self, &kType));
  if (app == nullptr) rb_raise(rb_eIOError, "closed");
  return app;
}

VALUE allocate(VALUE kind) { return TypedData_Wrap_Struct(kind, &kType, nullptr); }

// Application.new(threads)
VALUE initialize(VALUE self, VALUE threads) {
  remuda_options options = REMUDA_OPTIONS;
  options.threads = NUM2UINT(threads);
  remuda_app* const app = remuda_open(&options);
  if (app == nullptr) rb_sys_fail("remuda_open");
  DATA_PTR(self) = app;
  return self;
}

struct Acceptance {
  remuda_app* app;
  remuda_request* request;
  int error;
};

void* wait_for_request(void* pointer) {
  auto* const acceptance = static_cast<Acceptance*>(pointer);
  errno = 0;
  acceptance->request = remuda_accept(acceptance->app);
  acceptance->error = errno;
  return nullptr;
}

// The next request; nil: the process is to end.
VALUE accept(VALUE self) {
  Acceptance acceptance{.app = app_of(self), .request = nullptr, .error = 0};
  rb_thread_call_without_gvl(&wait_for_request, &acceptance, RUBY_UBF_IO, nullptr);
  if (acceptance.request != nullptr) return wrap(acceptance.request);
  if (acceptance.error != 0) rb_syserr_fail(acceptance.error, "remuda_accept");
  return Qnil;
}

VALUE is_cgi(VALUE self) { return remuda_is_cgi(app_of(self)) != 0 ? Qtrue : Qfalse; }

// The exit status that the process should have.
VALUE close(VALUE self) {
  remuda_app* const app = app_of(self);
  DATA_PTR(self) = nullptr;
  return INT2NUM(remuda_close(app));
}

}  // namespace

void define_application(VALUE module) {
  const VALUE application = rb_define_class_under(module, "Application", rb_cObject);
  rb_define_alloc_func(application, &allocate);
  rb_define_method(application, "initialize", &initialize, 1);
  rb_define_method(application, "accept", &accept, 0);
  rb_define_method(application, "cgi?", &is_cgi, 0);
  rb_define_method(application, "close", &close, 0);
}

}  // namespace remuda::ruby
