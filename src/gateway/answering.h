// SPDX-License-Identifier: Apache-2.0
//
// Answering: one exchange's dealings with an application: the exchange driver. Handlers, authorizers and
// filters say what is to be asked, and what is to become of the answer.
//
//     ask()       a lease -> a conversation over the wire -> the head of the answer (interim ones are passed
//     on);
//                 again with another lease where that is safe (principle 8): never after a byte of an answer,
//                 when the request may have begun once, if it is idempotent, and only with its whole body.
//                 Whoever refuses it for the first time costs none of the retries
//     pass_on()   the answer becomes the exchange's: short ones in one piece, others as a stream that is
//     pulled
//                 as fast as the client reads, or what the server has where the application points
//     dismiss()   the head was all that was wanted
//
// What still runs when the exchange has ended goes on below the loop's root scope until it has ended: see
// Conversation. Lives while the handler works on the exchange; what outlives it is kept by the exchange.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "gateway/app_options.h"
#include "gateway/application.h"
#include "gateway/response_stream.h"
#include "gateway/spool.h"
#include "gateway/troubles.h"
#include "gateway/wire/cgi_response.h"
#include "http/handler.h"

namespace remuda::gateway {

// What is asked. Views outlive ask(), bodies the exchange.
struct Inquiry {
  Question::Role role = Question::Role::kResponder;
  std::string_view variables;  // the block of meta-variables
  std::string_view program;    // StartRequest::program
  http::Body* body = nullptr;  // streamed; its length is known
  Spool* spooled = nullptr;    // in place of it: taken in before
  Rewindable* data = nullptr;  // of a filter
};

class Answering {
 public:
  Answering(http::Exchange& exchange, const Application& application, const AppOptions& options)
      : exchange_(exchange), application_(application), options_(options) {}

  // False: the response says why there is no answer.
  loop::Task<bool> ask(const Inquiry& inquiry);
  // The answer will be the response as it is, head included (NPH): nothing of it is read here.
  loop::Task<bool> ask_raw(const Inquiry& inquiry);

  // After ask(): the head, and the bytes that it has views into.
  const wire::CgiResponseReader& head() const { return reader_; }
  std::string_view text() const { return stream_->buffer.text(); }

  loop::Task<void> pass_on();
  loop::Task<void> dismiss();

  // An error instead of an answer; always false, for `return refuse(...)`.
  bool refuse(int status, std::string_view trouble);
  bool refuse(const Refusal& refusal);
  bool refuse_for_body(const base::Error& error);

 private:
  using Progress = wire::CgiResponseReader::Progress;

  loop::Task<bool> begin(const Inquiry& inquiry);
  bool give_input(const Inquiry& inquiry, apps::StartRequest& start);
  loop::Task<Progress> read_head();
  loop::Task<bool> pass_interim();
  loop::Task<bool> may_ask_again(const Inquiry& inquiry, const Verdict& verdict);
  loop::Task<void> let_go_of_this_one();

  void switch_protocols();
  loop::Task<void> point_elsewhere();
  loop::Task<void> answer();
  bool ends_with_its_head() const;
  loop::Task<void> answer_with_head();
  loop::Task<bool> gather();
  loop::Task<bool> ended_well();
  void fill_head();

  loop::Task<bool> refuse_head(Progress progress);
  loop::Task<bool> explain(const Verdict& verdict);
  loop::Task<bool> give_up(int status, std::string_view trouble);

  http::Exchange& exchange_;
  const Application& application_;
  const AppOptions& options_;
  ResponseStream* stream_ = nullptr;  // kept by the exchange
  wire::CgiResponseReader reader_;
  Question::Role role_ = Question::Role::kResponder;
  uint64_t body_length_ = 0;  // of a streamed one, before anybody has read of it
  unsigned interims_ = 0;
  std::vector<uint64_t> tried_;  // endpoints that have failed it, the latest last
  bool risked_ = false;          // it was sent again although it may have begun
};

}  // namespace remuda::gateway
