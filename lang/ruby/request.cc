// SPDX-License-Identifier: Apache-2.0
//
// Remuda::Request: one request, from accept() to finish(). Reads and writes give Ruby's lock away only when
// they have to wait.
#include <ruby/thread.h>

#include <algorithm>
#include <cerrno>

#include "extension.h"

namespace remuda::ruby {

namespace {

constexpr long kReadMost = 64 * 1024;

// One that nobody has finished: the server waits for an end.
void abandon(void* pointer) {
  if (pointer != nullptr) remuda_finish(static_cast<remuda_request*>(pointer), REMUDA_BROKEN);
}

const rb_data_type_t kType{.wrap_struct_name = "Remuda::Request",
                           .function = {.dmark = nullptr, .dfree = &abandon, .dsize = nullptr},
                           .parent = nullptr,
                           .data = nullptr,
                           .flags = RUBY_TYPED_FREE_IMMEDIATELY};

VALUE request_class;  // set once, when the extension is loaded

remuda_request* request_of(VALUE self) {
  auto* const request = static_cast<remuda_request*>(rb_check_typeddata(self, &kType));
  if (request == nullptr) rb_raise(rb_eIOError, "the request is finished");
  return request;
}

struct Transfer {
  remuda_request* request;
  char* bytes;
  size_t size;
  ssize_t moved;
  int error;
};

void* read_waiting(void* pointer) {
  auto* const transfer = static_cast<Transfer*>(pointer);
  transfer->moved = remuda_read(transfer->request, transfer->bytes, transfer->size);
  transfer->error = errno;
  return nullptr;
}

void* write_waiting(void* pointer) {
  auto* const transfer = static_cast<Transfer*>(pointer);
  transfer->moved = remuda_write(transfer->request, transfer->bytes, transfer->size);
  transfer->error = errno;
  return nullptr;
}

VALUE environment(VALUE self, VALUE base) { return environment_of(request_of(self), base); }

// Some bytes of the body, `most` of them at most; nil at its end.
VALUE read(VALUE self, VALUE most) {
  const long size = std::clamp(NUM2LONG(most), 1L, kReadMost);
  const VALUE text = rb_str_buf_new(size);
  Transfer transfer{.request = request_of(self),
                    .bytes = RSTRING_PTR(text),
                    .size = static_cast<size_t>(size),
                    .moved = 0,
                    .error = 0};
  transfer.moved = remuda_read_now(transfer.request, transfer.bytes, transfer.size);
  transfer.error = errno;
  if (transfer.moved < 0 && transfer.error == EAGAIN)
    rb_thread_call_without_gvl(&read_waiting, &transfer, RUBY_UBF_IO, nullptr);
  if (transfer.moved < 0) rb_syserr_fail(transfer.error, "read the request");
  if (transfer.moved == 0) return Qnil;
  rb_str_set_len(text, transfer.moved);
  return text;
}

void write_all(remuda_request* request, VALUE text) {
  char* bytes = RSTRING_PTR(text);
  auto left = static_cast<size_t>(RSTRING_LEN(text));
  while (left > 0) {
    const ssize_t taken = remuda_write_now(request, bytes, left);
    if (taken < 0 && errno == EAGAIN) {
      // Frozen while others run: a copy would be made of what they change.
      VALUE still = rb_str_new_frozen(text);
      Transfer transfer{.request = request,
                        .bytes = RSTRING_PTR(still) + (RSTRING_LEN(text) - static_cast<long>(left)),
                        .size = left,
                        .moved = 0,
                        .error = 0};
      rb_thread_call_without_gvl(&write_waiting, &transfer, RUBY_UBF_IO, nullptr);
      RB_GC_GUARD(still);
      if (transfer.moved < 0) rb_syserr_fail(transfer.error, "write the answer");
      return;
    }
    if (taken < 0) rb_syserr_fail(errno, "write the answer");
    bytes += taken;
    left -= static_cast<size_t>(taken);
  }
}

VALUE write(VALUE self, VALUE text) {
  StringValue(text);
  write_all(request_of(self), text);
  RB_GC_GUARD(text);
  return LONG2NUM(RSTRING_LEN(text));
}

// head(status, headers): the answer begins.
VALUE head(VALUE self, VALUE status, VALUE headers) {
  VALUE block = header_block(NUM2INT(status), headers);
  write_all(request_of(self), block);
  RB_GC_GUARD(block);
  return Qnil;
}

VALUE log(VALUE self, VALUE text) {
  StringValue(text);
  remuda_log(request_of(self), RSTRING_PTR(text), static_cast<size_t>(RSTRING_LEN(text)));
  return LONG2NUM(RSTRING_LEN(text));
}

// What was written so far leaves. A client that has gone shows in the next write.
VALUE flush(VALUE self) {
  remuda_flush(request_of(self));
  return Qnil;
}

VALUE is_aborted(VALUE self) { return remuda_aborted(request_of(self)) != 0 ? Qtrue : Qfalse; }

VALUE finish(VALUE self, VALUE status) {
  remuda_request* const request = request_of(self);
  DATA_PTR(self) = nullptr;
  remuda_finish(request, NUM2INT(status));
  return Qnil;
}

}  // namespace

VALUE wrap(remuda_request* request) { return TypedData_Wrap_Struct(request_class, &kType, request); }

void define_request(VALUE module) {
  request_class = rb_define_class_under(module, "Request", rb_cObject);
  rb_undef_alloc_func(request_class);
  rb_define_method(request_class, "environment", &environment, 1);
  rb_define_method(request_class, "read", &read, 1);
  rb_define_method(request_class, "head", &head, 2);
  rb_define_method(request_class, "write", &write, 1);
  rb_define_method(request_class, "log", &log, 1);
  rb_define_method(request_class, "flush", &flush, 0);
  rb_define_method(request_class, "aborted?", &is_aborted, 0);
  rb_define_method(request_class, "finish", &finish, 1);
}

}  // namespace remuda::ruby
