// SPDX-License-Identifier: Apache-2.0
//
// Task<T>: a story that runs on one loop, written as a coroutine that returns T.
//
// A Task starts when it is awaited (or given to a Scope) and resumes whoever awaits it when it ends. It
// belongs to whoever holds it; destroying one that has begun and not ended is an error (stories are cancelled
// through their Scope and awaited, never torn down: principle 7). Every Task inherits the Scope of the
// Task that awaits it, and hands it to every operation, so that a cancelled Scope reaches the operation that
// waits at the very bottom. Single-threaded. Nothing throws: an exception that reaches the edge of a Task
// ends the process.
#pragma once

#include <coroutine>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/check.h"
#include "loop/frame_allocator.h"

namespace remuda::loop {

class Scope;

template <typename T>
class Task;

namespace detail {

// What every promise has, whatever its Task returns.
class PromiseBase {
 public:
  static void* operator new(size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* frame, size_t bytes) { free_frame(frame, bytes); }

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) noexcept {
      return ended.promise().continuation_;
    }
    void await_resume() noexcept {}
  };

  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  [[noreturn]] void unhandled_exception() noexcept { std::abort(); }

  // Operations learn their Scope here; everything else passes through.
  template <typename Awaitable>
  decltype(auto) await_transform(Awaitable&& awaitable) {
    if constexpr (requires { awaitable.inherit(scope_); }) awaitable.inherit(scope_);
    return std::forward<Awaitable>(awaitable);
  }

  std::coroutine_handle<> continuation_ = std::noop_coroutine();
  Scope* scope_ = nullptr;
};

template <typename T>
class Promise : public PromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  template <typename Value>
  void return_value(Value&& value) {
    value_.emplace(std::forward<Value>(value));
  }
  T take() { return std::move(*value_); }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> : public PromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() noexcept {}
};

}  // namespace detail

template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() { destroy(); }

  // Gives the frame away: whoever takes it destroys it.
  Handle release() { return std::exchange(handle_, nullptr); }

  // Called by await_transform, before the wait.
  void inherit(Scope* scope) { handle_.promise().scope_ = scope; }

  bool await_ready() const noexcept { return false; }
  Handle await_suspend(std::coroutine_handle<> awaiting) noexcept {
    handle_.promise().continuation_ = awaiting;
    return handle_;
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  void destroy() {
    if (handle_) handle_.destroy();
  }

  Handle handle_ = nullptr;
};

template <typename T>
Task<T> detail::Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}

inline Task<void> detail::Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace remuda::loop
