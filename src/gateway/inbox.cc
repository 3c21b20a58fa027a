// SPDX-License-Identifier: Apache-2.0
//
// The file is used once through, and what has been read is given back to the disk; when all that was written
// has been read it begins again at its start.
#include "gateway/inbox.h"

#include <fcntl.h>
#include <unistd.h>

#include "gateway/nameless_file.h"

namespace remuda::gateway {

void Inbox::append(std::string_view bytes) {
  if (in_file_) return back_.append(bytes);
  front_.append(bytes);
  if (front_.size() > bounds_.memory && may_spill()) in_file_ = true;
}

size_t Inbox::take(std::span<std::byte> into) {
  if (front_.empty() && in_file_ && !storing_ && read_ == written_) {
    front_.swap(back_);
    in_file_ = false;
    read_ = written_ = 0;
  }
  return front_.take(into);
}

Inbox::Room Inbox::room() const {
  if (!may_spill()) return front_.size() + back_.size() > bounds_.memory ? Room::kNo : Room::kYes;
  if (written_ - read_ + back_.size() > bounds_.spill) return Room::kNo;
  return back_.size() > bounds_.memory + kPiece ? Room::kSoon : Room::kYes;
}

loop::Task<void> Inbox::store() {
  if (!wants_store()) co_return;
  storing_ = true;
  ByteQueue piece;
  while (back_.size() >= kPiece && spill_error_ == 0) {
    piece.swap(back_);
    const auto written = co_await offload_.run(loop_, [&] { return write_piece(written_, piece.text()); });
    if (written) {
      written_ += piece.size();
    } else {
      spill_error_ = written.error().code;
      piece.append(back_.text());
      back_.swap(piece);
    }
    piece.clear();
  }
  storing_ = false;
  stored_.notify_all();
}

loop::Task<base::Result<void>> Inbox::load() {
  while (front_.empty() && storing_ && read_ == written_) {
    if (auto waited = co_await stored_.wait(loop::kNever); !waited) co_return waited;
  }
  if (!front_.empty() || !in_file_ || read_ == written_) co_return base::Result<void>();
  const size_t most = std::min<uint64_t>(kPiece, written_ - read_);
  auto piece = co_await offload_.run(loop_, [&] { return read_piece(read_, most); });
  if (!piece) co_return std::unexpected(piece.error());
  read_ += piece->size();
  front_.append(*piece);
  co_return base::Result<void>();
}

base::Result<void> Inbox::write_piece(uint64_t at, std::string_view bytes) {
  if (!file_) {
    auto file = open_nameless_file(std::string(bounds_.directory));
    if (!file) return std::unexpected(file.error());
    file_ = std::move(*file);
  }
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::failure_from_errno("write an answer to the disk");
    at += static_cast<uint64_t>(count);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

base::Result<std::string> Inbox::read_piece(uint64_t at, size_t most) const {
  std::string piece(most, '\0');
  const ssize_t count = ::pread(file_.get(), piece.data(), piece.size(), static_cast<off_t>(at));
  if (count < 0) return base::failure_from_errno("read an answer from the disk");
  if (count == 0) return base::failure(EIO, "an answer on the disk is shorter than it was");
  piece.resize(static_cast<size_t>(count));
  // Not every file system can; then it keeps what it has until the file goes.
  ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(at), count);
  return piece;
}

}  // namespace remuda::gateway
