// SPDX-License-Identifier: Apache-2.0
//
// List<T>: an intrusive, circular, doubly linked list. T derives from Link<Tag>; one Tag for each list it can
// be in.
//
// Insertion and removal cost O(1) and no allocation. The list owns nothing; a Link that is destroyed leaves
// its list by itself. One thread at a time.
#pragma once

#include "base/check.h"

namespace remuda::base {

template <typename Tag>
class Link {
 public:
  Link() = default;
  ~Link() { unlink(); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  bool is_linked() const { return next_ != nullptr; }

  void unlink() {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <typename T, typename ListTag>
  friend class List;

  Link* next_ = nullptr;
  Link* previous_ = nullptr;
};

template <typename T, typename Tag = T>
class List {
 public:
  List() { head_.next_ = head_.previous_ = &head_; }
  ~List() { DCHECK(empty()); }
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  bool empty() const { return head_.next_ == &head_; }
  T& front() { return static_cast<T&>(*head_.next_); }
  const T& front() const { return static_cast<const T&>(*head_.next_); }
  T& back() { return static_cast<T&>(*head_.previous_); }

  void push_back(T& element) { insert_before(head_, element); }

  T* pop_front() {
    if (empty()) return nullptr;
    T& first = front();
    static_cast<Link<Tag>&>(first).unlink();
    return &first;
  }

  // Calls visit(T&) for each element; visit may unlink the element that it is given, and no other.
  template <typename Visit>
  void for_each(Visit visit) {
    for (Link<Tag>* at = head_.next_; at != &head_;) {
      Link<Tag>* const next = at->next_;
      visit(static_cast<T&>(*at));
      at = next;
    }
  }

  // Calls stop(T&) for one after the other until it returns true. It changes nothing.
  template <typename Stop>
  void for_each_until(Stop stop) {
    for (Link<Tag>* at = head_.next_; at != &head_ && !stop(static_cast<T&>(*at)); at = at->next_) {
    }
  }

  // Moves every element to the end of `to`.
  void move_all_to(List& to) {
    if (empty()) return;
    head_.next_->previous_ = to.head_.previous_;
    to.head_.previous_->next_ = head_.next_;
    head_.previous_->next_ = &to.head_;
    to.head_.previous_ = head_.previous_;
    head_.next_ = head_.previous_ = &head_;
  }

 private:
  static void insert_before(Link<Tag>& position, Link<Tag>& element) {
    DCHECK(!element.is_linked());
    element.next_ = &position;
    element.previous_ = position.previous_;
    position.previous_->next_ = &element;
    position.previous_ = &element;
  }

  Link<Tag> head_;
};

}  // namespace remuda::base
