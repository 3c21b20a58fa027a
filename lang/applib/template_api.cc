// SPDX-License-Identifier: Apache-2.0
//
// The functions of remuda_template.h, which is their manual: each hands over to Template, whose type they
// hide.
#include <errno.h>

#include "remuda_template.h"
#include "template.h"

using remuda::app::Closeness;
using remuda::app::Template;

namespace {

Template& of(remuda_template* self) { return *reinterpret_cast<Template*>(self); }

int result(int error) {
  if (error == 0) return 0;
  errno = error;
  return -1;
}

}  // namespace

extern "C" {

remuda_template* remuda_template_open(void) { return reinterpret_cast<remuda_template*>(Template::open()); }

int remuda_template_step(remuda_template* self, const char* what) { return result(of(self).step(what)); }
int remuda_template_warn(remuda_template* self, const char* what) { return result(of(self).warn(what)); }
int remuda_template_unfit(remuda_template* self, const char* why) { return result(of(self).unfit(why)); }

int remuda_template_watch(remuda_template* self, const char* path) {
  return result(of(self).watch(path, Closeness::kUsual));
}
int remuda_template_watch_closely(remuda_template* self, const char* path) {
  return result(of(self).watch(path, Closeness::kClose));
}

int remuda_template_expect_threads(remuda_template* self, size_t count) {
  return result(of(self).expect_threads(count));
}
int remuda_template_default_variable(remuda_template* self, const char* variable) {
  return result(of(self).default_variable(variable));
}
int remuda_template_ready(remuda_template* self) { return result(of(self).ready()); }
int remuda_template_wait(remuda_template* self) { return of(self).wait(); }

const char* remuda_template_program(const remuda_template* self) {
  return reinterpret_cast<const Template*>(self)->program();
}

const char* remuda_template_environment(const remuda_template* self, size_t* size) {
  return reinterpret_cast<const Template*>(self)->environment(size);
}

int remuda_template_parent(remuda_template* self, pid_t pid) { return result(of(self).parent(pid, errno)); }
int remuda_template_child(remuda_template* self) { return result(of(self).child()); }

}  // extern "C"
