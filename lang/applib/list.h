// SPDX-License-Identifier: Apache-2.0
//
// Intrusive lists: members are linked by what they inherit, so nothing is allocated and leaving a list is
// constant time. An object is in at most one list of each Tag. The lists do not own what is in them.
#pragma once

namespace remuda::app {

template <class Tag>
struct Link {
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  bool linked() const { return after != nullptr; }
  void unlink() {
    if (!linked()) return;
    before->after = after;
    after->before = before;
    before = after = nullptr;
  }

  Link* before = nullptr;
  Link* after = nullptr;
};

template <class T, class Tag>
class List {
 public:
  List() { head_.before = head_.after = &head_; }

  bool empty() const { return head_.after == &head_; }
  T* front() const { return empty() ? nullptr : static_cast<T*>(head_.after); }

  // The one behind `member`, which is in this list; null behind the last.
  T* after(T& member) const {
    Link<Tag>* next = static_cast<Link<Tag>&>(member).after;
    return next == &head_ ? nullptr : static_cast<T*>(next);
  }
  const T* after(const T& member) const { return after(const_cast<T&>(member)); }

  // Last in the list; nothing happens when it is in one already.
  void push(T& member) {
    Link<Tag>& link = member;
    if (link.linked()) return;
    link.before = head_.before;
    link.after = &head_;
    head_.before->after = &link;
    head_.before = &link;
  }

  T* pop() {
    T* first = front();
    if (first != nullptr) static_cast<Link<Tag>*>(first)->unlink();
    return first;
  }

  // Everything that is in `other`, in its order, after what is here.
  void take(List& other) {
    while (T* member = other.pop()) push(*member);
  }

 private:
  Link<Tag> head_;
};

}  // namespace remuda::app
