// SPDX-License-Identifier: Apache-2.0
//
// One function for each kind of content; the head is written before and goes out with the first bytes.
//
// On the last response of a connection the last send carries MSG_MORE: what follows at once, close or the end
// of sending, takes the bytes along, with the FIN in the same segment.
#include "http/h1/response_sender.h"

#include <algorithm>

#include "http/h1/chunked.h"
#include "http/h1/response_writer.h"

namespace remuda::http::h1 {

namespace {

constexpr size_t kLargestHead = 256 * 1024;
constexpr size_t kChunkHeadRoom = 18;
constexpr size_t kLastChunkRoom = 512;
constexpr size_t kTrailerRoom = 16 * 1024;

iovec piece_of(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

class Sender {
 public:
  Sender(Driver& driver, H1Exchange& exchange, Active& active, Persistence wish)
      : driver_(driver),
        exchange_(exchange),
        response_(exchange.response),
        active_(active),
        persistence_(wish),
        bytes_before_(exchange.output.bytes()) {}

  // Decides the framing and writes the head. False: the response cannot be sent, cannot_be_sent() says why.
  bool prepare() {
    choose_framing();
    if (is_raw()) return true;
    if (!write_head()) return false;
    const auto* memory = has_content_ ? std::get_if<MemoryContent>(&response_.content) : nullptr;
    pieces_ = {piece_of(head_), piece_of(memory == nullptr ? std::string_view() : memory->bytes)};
    message_.msg_iov = pieces_.data();
    message_.msg_iovlen = pieces_[1].iov_len == 0 ? 1 : 2;
    return true;
  }

  // Everything is in memory: one send, most often the only one, without a coroutine of its own.
  bool is_in_memory() const {
    return !is_raw() &&
           (!has_content_ || !(is_stream() || std::holds_alternative<FileContent>(response_.content)));
  }
  auto send_at_once() { return exchange_.output.send_once(message_, memory_flags()); }
  bool went_out_whole(const base::Result<size_t>& first) {
    if (!first) return false;
    exchange_.output.sent(*first);
    return *first == pieces_[0].iov_len + pieces_[1].iov_len;
  }
  // After send_at_once: what it left over.
  loop::Task<base::Result<void>> send_rest(base::Result<size_t> first) {
    if (!first && !exchange_.output.may_wait_on(first.error()))
      co_return Output::client_failure(first.error());
    if (first) skip(pieces_, *first);
    co_return co_await exchange_.output.send(pieces_, memory_flags());
  }

  // A stream that nobody will read to its end is told so, while everything that it uses is still there.
  bool must_stop_stream() const { return is_stream() && !stream_ended_; }
  loop::Task<void> stop_stream() {
    note_head_sent();
    return std::get<StreamContent>(response_.content).body->stop();
  }

  loop::Task<base::Result<void>> send_content() {
    if (const auto* file = std::get_if<FileContent>(&response_.content)) co_return co_await send_file(*file);
    co_return co_await send_stream(*std::get<StreamContent>(response_.content).body);
  }

  Sent conclude(const base::Result<void>& result) {
    note_head_sent();
    const uint64_t sent = exchange_.output.bytes() - bytes_before_;
    exchange_.record.body_bytes_sent =
        is_stream() ? stream_bytes_ : sent - std::min<uint64_t>(sent, head_size_);
    if (result) return {.complete = true, .persistence = persistence_, .trouble = {}};
    return {.trouble = cut_.empty() ? result.error().what : cut_};
  }

  // The head has not gone out, and the client is not to blame.
  bool is_unsendable() const { return !trouble_.empty(); }
  Sent cannot_be_sent() const { return {.trouble = trouble_, .unsendable = true}; }

 private:
  bool is_stream() const { return std::holds_alternative<StreamContent>(response_.content); }
  bool is_raw() const { return response_.raw && is_stream(); }
  bool is_chunked() const { return framing_ == ResponseFraming::kChunked; }

  bool has_length() const { return framing_ == ResponseFraming::kLength; }

  // RFC 9112 section 6.3, from the sender's side.
  void choose_framing() {
    const int status = response_.status;
    const bool is_head_request = exchange_.request.method == "HEAD";
    const bool is_empty = std::holds_alternative<std::monostate>(response_.content);
    const bool forbidden = status < 200 || status == 204 || response_.takeover != nullptr;
    const bool ends_with_head = forbidden || status == 304 || is_head_request;
    if (status != 304) take_length_of_content();
    if (is_empty && !ends_with_head) response_.length = 0;
    has_content_ = is_raw() || !(ends_with_head || is_empty);
    if (is_raw()) {
      framing_ = ResponseFraming::kUntilClose;
    } else if (forbidden || (!has_content_ && !response_.length)) {
      framing_ = ResponseFraming::kNoContent;
    } else if (response_.length) {
      framing_ = ResponseFraming::kLength;
    } else {
      framing_ = exchange_.request.version == Version::k10 ? ResponseFraming::kUntilClose
                                                           : ResponseFraming::kChunked;
    }
    if (framing_ == ResponseFraming::kUntilClose) persistence_ = Persistence::kClose;
    if (response_.takeover != nullptr) persistence_ = Persistence::kKeep;
  }

  // A 304 is about content that it does not have: its length is what the handler says (RFC 9110 8.6).
  void take_length_of_content() {
    if (const auto* memory = std::get_if<MemoryContent>(&response_.content))
      response_.length = memory->bytes.size();
    if (const auto* file = std::get_if<FileContent>(&response_.content)) response_.length = file->length;
  }

  bool write_head() {
    const ResponseHead head{.version = exchange_.request.version,
                            .date = driver_.date(),
                            .server = driver_.options().server_name,
                            .framing = framing_,
                            .length = response_.length.value_or(0),
                            .keep_alive = persistence_ == Persistence::kKeep};
    std::span<char> room = active_.head;
    auto written = write_response_head(room, head, response_);
    if (!written && written.error().code == ENOBUFS) {
      const size_t needed = response_head_room(head, response_);
      if (needed <= kLargestHead) room = exchange_.arena.make_array<char>(needed);
      written = write_response_head(room, head, response_);
    }
    if (!written) {
      const std::string_view field = find_unsafe_field(response_);
      trouble_ = field.empty() ? std::string_view("the response's head is too large")
                               : exchange_.arena.join("the response's ", field, " cannot stand on a line");
      return false;
    }
    head_ = {room.data(), *written};
    head_size_ = *written;
    return true;
  }

  // Something reads on after this response: a takeover, or the lingering close of an unread body.
  bool keeps_socket() const {
    return response_.takeover != nullptr || (exchange_.body && !exchange_.body->ended());
  }
  int last_flags() const { return persistence_ == Persistence::kClose && !keeps_socket() ? MSG_MORE : 0; }
  // Stopping a stream may take a while.
  int memory_flags() const { return is_stream() ? 0 : last_flags(); }

  static void skip(std::span<iovec> pieces, size_t bytes) {
    for (iovec& piece : pieces) {
      const size_t taken = std::min(bytes, piece.iov_len);
      piece.iov_base = static_cast<char*>(piece.iov_base) + taken;
      piece.iov_len -= taken;
      bytes -= taken;
    }
  }

  loop::Task<base::Result<void>> send_file(const FileContent& file) {
    iovec head = piece_of(head_);
    auto result = co_await exchange_.output.send({&head, 1}, file.length == 0 ? 0 : MSG_MORE);
    note_head_sent();
    if (!result) co_return result;
    co_return co_await exchange_.output.send_file(file);
  }

  loop::Task<base::Result<void>> send_stream(Body& body) {
    if (body.ready() == 0 && !head_.empty()) {
      iovec head = piece_of(std::exchange(head_, {}));
      const auto result = co_await exchange_.output.send({&head, 1}, 0);
      if (!result) co_return result;
      note_head_sent();
    }
    uint64_t left = has_length() ? *response_.length : UINT64_MAX;
    while (left > 0) {
      const auto got = co_await body.read(active_.stream);
      if (!got) co_return stream_failed(got.error());
      if (*got == 0) {
        stream_ended_ = true;
        break;
      }
      const size_t count = std::min<uint64_t>(*got, left);
      const auto result = co_await send_piece(std::span(active_.stream).first(count));
      if (!result) co_return result;
      left -= count;
      if (has_had_its_share(count)) co_await driver_.loop().yield();
    }
    if (!has_length()) co_return co_await end_stream(body);
    if (left > 0) co_return stream_failed({ENODATA, "the application sent less than its Content-Length"});
    iovec head = piece_of(std::exchange(head_, {}));  // still there if the length is 0
    co_return co_await exchange_.output.send({&head, 1}, 0);
  }

  // Whoever gave the stream knows more than the error says.
  std::unexpected<base::Error> stream_failed(const base::Error& error) {
    const std::string_view why = exchange_.trouble.empty() ? error.what : exchange_.trouble;
    (head_.empty() ? cut_ : trouble_) = why;
    return std::unexpected(error);
  }

  // A program and a client that are both fast would keep the loop to themselves.
  bool has_had_its_share(size_t moved) {
    since_yield_ += moved;
    if (since_yield_ < kFairShare) return false;
    since_yield_ = 0;
    return true;
  }

  // The head if it is still there, and one piece of content in its frame.
  loop::Task<base::Result<void>> send_piece(std::span<const std::byte> bytes) {
    const std::string_view data(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::array<char, kChunkHeadRoom> size_line;
    std::array<iovec, 4> pieces{
        piece_of(std::exchange(head_, {})),
        piece_of(is_chunked() ? chunk_head(size_line, data.size()) : std::string_view()), piece_of(data),
        piece_of(is_chunked() ? "\r\n" : "")};
    const auto result = co_await exchange_.output.send(pieces, 0);
    note_head_sent();
    if (result) stream_bytes_ += data.size();
    co_return result;
  }

  loop::Task<base::Result<void>> end_stream(Body& body) {
    std::string_view end;
    if (is_chunked()) {
      const std::span<char> room =
          exchange_.arena.make_array<char>(body.trailers() == nullptr ? kLastChunkRoom : kTrailerRoom);
      const auto written = write_last_chunk(room, body.trailers());
      if (!written) co_return base::failure(EPROTO, "a trailer of the application cannot be sent");
      end = {room.data(), *written};
    }
    std::array<iovec, 2> pieces{piece_of(std::exchange(head_, {})), piece_of(end)};
    co_return co_await exchange_.output.send(pieces, last_flags());
  }

  void note_head_sent() {
    if (head_noted_) return;
    head_noted_ = true;
    exchange_.record.head_sent = driver_.loop().now();
  }

  Driver& driver_;
  H1Exchange& exchange_;
  Response& response_;
  Active& active_;
  Persistence persistence_;
  ResponseFraming framing_ = ResponseFraming::kNoContent;
  bool has_content_ = false;
  std::string_view head_;
  size_t head_size_ = 0;
  std::array<iovec, 2> pieces_{};
  msghdr message_{};
  uint64_t stream_bytes_ = 0;
  uint64_t since_yield_ = 0;
  bool stream_ended_ = false;
  bool head_noted_ = false;
  const uint64_t bytes_before_;
  std::string_view trouble_;  // why nothing went out
  std::string_view cut_;      // why the stream ended early
};

}  // namespace

loop::Task<Sent> send_response(Driver& driver, H1Exchange& exchange, Active& active, Persistence wish) {
  Sender sender(driver, exchange, active, wish);
  base::Result<void> result;
  if (!exchange.output.begin_final()) [[unlikely]]
    result = co_await exchange.output.settle();
  if (!result || !sender.prepare()) [[unlikely]] {
    if (sender.must_stop_stream()) co_await sender.stop_stream();
    co_return result ? sender.cannot_be_sent() : sender.conclude(result);
  }
  if (sender.is_in_memory()) [[likely]] {
    const auto first = co_await sender.send_at_once();
    if (!sender.went_out_whole(first)) [[unlikely]]
      result = co_await sender.send_rest(first);
  } else {
    result = co_await sender.send_content();
  }
  if (sender.must_stop_stream()) co_await sender.stop_stream();
  co_return sender.is_unsendable() ? sender.cannot_be_sent() : sender.conclude(result);
}

}  // namespace remuda::http::h1
