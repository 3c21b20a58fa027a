// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/proxy/http_conversation.h"

#include "base/check.h"
#include "gateway/wire/http_request.h"

namespace remuda::gateway::proxy {

namespace {

using wire::HttpRequestHead;

HttpRequestHead head_for(const Question& question, const WireOptions& options) {
  HttpRequestHead head{.forwarded = options.forwarded,
                       .pass_authorization = options.pass_authorization == PassAuthorization::kYes,
                       .variables = question.variables};
  if (question.body == nullptr) return head;
  const auto length = question.body->remaining();
  head.body = length ? HttpRequestHead::Body::kLength : HttpRequestHead::Body::kChunked;
  head.length = length.value_or(0);
  return head;
}

}  // namespace

Channel* HttpConversation::attach(const Question& question) {
  CHECK(question.head != nullptr);
  HttpRequestHead head = head_for(question, ground().options);
  process_is_shared_ = lease().endpoint()->capacity().requests > 1;
  in_chunks_ = head.body == HttpRequestHead::Body::kChunked;
  head.upgrade = wire::asks_for_upgrade(*question.head);
  if (question.head->method == "HEAD") asked_.content = wire::HttpAsked::Content::kNone;
  if (head.upgrade) asked_.upgrade = wire::HttpAsked::Upgrade::kMaySwitch;
  connection_ = connections_.lend();
  connection_->attach(*this, asked_);
  connection_->start();
  if (is_over()) return nullptr;
  if (!connection_->keeps()) head.after = HttpRequestHead::After::kClose;
  began_at_ = connection_->appended();
  wire::append_http_request(*question.head, head, connection_->output());
  return connection_.get();
}

void HttpConversation::append(Input, std::string_view bytes, std::string& out) {
  if (!in_chunks_) {
    out.append(bytes);
  } else if (!bytes.empty()) {
    wire::append_http_chunk(bytes, out);
  }
}

void HttpConversation::append_end(Input, std::string& out) {
  if (in_chunks_) out.append(wire::kLastHttpChunk);
}

void HttpConversation::switched() {
  switched_ = true;
  expect_passage();
}

void HttpConversation::request_ended() { over({Verdict::Kind::kWhole, 502, ""}, apps::Outcome::kAnswered); }

void HttpConversation::connection_ended(const ChannelEnd& end) {
  if (switched_ && end.error != ECANCELED) return request_ended();
  lost(end, *connection_, began_at_);
}

// --- after a 101

loop::Task<base::Result<void>> HttpConversation::send(std::span<const std::byte> bytes) {
  if (is_over() || !connection_->is_open()) co_return base::failure(EPIPE, "send to an application");
  note_movement();
  connection_->output().append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  connection_->flush(Channel::Flush::kNow);
  co_return co_await connection_->room();
}

loop::Task<void> HttpConversation::end_sending() { return connection_->end_sending(); }

}  // namespace remuda::gateway::proxy
