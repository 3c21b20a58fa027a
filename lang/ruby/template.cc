// SPDX-License-Identifier: Apache-2.0
//
// Remuda::Template: remuda_template.h, call by call.
#include <cerrno>

#include "extension.h"

namespace remuda::ruby {

namespace {

// Lives until the process ends, or until child() frees it.
const rb_data_type_t kType{
    .wrap_struct_name = "Remuda::Template", .function = {}, .parent = nullptr, .data = nullptr, .flags = 0};

remuda_template* template_of(VALUE self) {
  auto* const pointer = static_cast<remuda_template*>(rb_check_typeddata(self, &kType));
  if (pointer == nullptr) rb_raise(rb_eIOError, "this process is not a template any more");
  return pointer;
}

VALUE done(int result, const char* what) {
  if (result < 0) rb_sys_fail(what);
  return INT2NUM(result);
}

// Template.open: nil where this process is to be none.
VALUE open(VALUE kind) {
  remuda_template* const pointer = remuda_template_open();
  if (pointer != nullptr) return TypedData_Wrap_Struct(kind, &kType, pointer);
  if (errno != ENOENT) rb_sys_fail("remuda_template_open");
  return Qnil;
}

VALUE step(VALUE self, VALUE what) {
  return done(remuda_template_step(template_of(self), StringValueCStr(what)), "remuda_template_step");
}

VALUE warn(VALUE self, VALUE what) {
  return done(remuda_template_warn(template_of(self), StringValueCStr(what)), "remuda_template_warn");
}

VALUE watch(VALUE self, VALUE path) {
  return done(remuda_template_watch(template_of(self), StringValueCStr(path)), "remuda_template_watch");
}

VALUE watch_closely(VALUE self, VALUE path) {
  return done(remuda_template_watch_closely(template_of(self), StringValueCStr(path)),
              "remuda_template_watch_closely");
}

VALUE unfit(VALUE self, VALUE why) {
  return done(remuda_template_unfit(template_of(self), StringValueCStr(why)), "remuda_template_unfit");
}

VALUE expect_threads(VALUE self, VALUE count) {
  return done(remuda_template_expect_threads(template_of(self), NUM2SIZET(count)),
              "remuda_template_expect_threads");
}

// False: it cannot be forked from, and the spawner knows why.
VALUE ready(VALUE self) { return remuda_template_ready(template_of(self)) == 0 ? Qtrue : Qfalse; }

// Whether a process is wanted; false: the template is to end.
VALUE wait(VALUE self) { return remuda_template_wait(template_of(self)) > 0 ? Qtrue : Qfalse; }

VALUE parent(VALUE self, VALUE pid) {
  return done(remuda_template_parent(template_of(self), NUM2PIDT(pid)), "remuda_template_parent");
}

VALUE child(VALUE self) {
  remuda_template* const pointer = template_of(self);
  DATA_PTR(self) = nullptr;
  return remuda_template_child(pointer) == 0 ? Qtrue : Qfalse;
}

}  // namespace

void define_template(VALUE module) {
  const VALUE kind = rb_define_class_under(module, "Template", rb_cObject);
  rb_undef_alloc_func(kind);
  rb_define_singleton_method(kind, "open", &open, 0);
  rb_define_method(kind, "step", &step, 1);
  rb_define_method(kind, "warn", &warn, 1);
  rb_define_method(kind, "watch", &watch, 1);
  rb_define_method(kind, "watch_closely", &watch_closely, 1);
  rb_define_method(kind, "unfit", &unfit, 1);
  rb_define_method(kind, "expect_threads", &expect_threads, 1);
  rb_define_method(kind, "ready", &ready, 0);
  rb_define_method(kind, "wait", &wait, 0);
  rb_define_method(kind, "parent", &parent, 1);
  rb_define_method(kind, "child", &child, 0);
}

}  // namespace remuda::ruby
