// SPDX-License-Identifier: Apache-2.0
//
// See the header. Preparing is what becomes of one request before an application is asked; its steps stand in
// handle() in their order, and each of them returns whether to go on: if not, the response has been filled.
#include "gateway/app_handler.h"

#include <algorithm>

#include "gateway/answering.h"
#include "gateway/describe.h"
#include "gateway/script_lookup.h"
#include "http/target.h"

namespace remuda::gateway {

namespace {

using http::KnownName;

bool is_non_parsed(std::string_view file) { return file.substr(file.rfind('/') + 1).starts_with("nph-"); }

class Preparing {
 public:
  Preparing(http::Exchange& exchange, const Application& application, const AppOptions& options)
      : exchange_(exchange),
        request_(exchange.request),
        application_(application),
        options_(options),
        answering_(exchange, application, options) {}

  loop::Task<void> handle(ScriptLookup* lookup) {
    const bool as_it_came = application_.wire.takes() == Takes::kFields;
    if (as_it_came ? !check_target() : !split_path()) co_return;
    if (lookup != nullptr && !co_await find_script(*lookup)) co_return;
    if (!check_body()) co_return;
    if (must_take_body() && !co_await take_body()) co_return;
    Inquiry inquiry;
    if (as_it_came) {
      inquiry.variables = variables_beside(exchange_, options_);
    } else {
      describe_request();
      inquiry.variables = variables_;
    }
    if (lookup != nullptr && options_.executable == Executable::kMustBe) inquiry.program = file_;
    inquiry.spooled = spool_;
    if (spool_ == nullptr) inquiry.body = request_.body;
    if (non_parsed_) {
      co_await answering_.ask_raw(inquiry);
    } else if (co_await answering_.ask(inquiry)) {
      co_await answering_.pass_on();
    }
  }

 private:
  void describe_request() {
    Subject subject{.script_name = script_name_, .path_info = path_info_, .script_filename = file_};
    subject.content_length = content_length_;
    describe(exchange_, options_, subject, variables_);
  }

  // What goes on as the client wrote it.
  bool check_target() {
    if (request_.raw_path == "*") return true;
    const auto decoded = http::decode_path(request_.raw_path, slash_policy(), exchange_.arena);
    if (decoded) return true;
    if (decoded.error().code == EPERM) return answering_.refuse(404, "an encoded slash in the path");
    return answering_.refuse(400, "the path cannot be decoded");
  }

  http::EncodedSlash slash_policy() const {
    return options_.encoded_slash == EncodedSlash::kAllow ? http::EncodedSlash::kDecode
                                                          : http::EncodedSlash::kRefuse;
  }

  // The path below the mount, decoded.
  bool split_path() {
    const auto decoded = http::decode_path(request_.raw_path, slash_policy(), exchange_.arena);
    if (!decoded) {
      if (decoded.error().code == EPERM) return answering_.refuse(404, "an encoded slash in the path");
      return answering_.refuse(400, "the path cannot be decoded");
    }
    const std::string_view path = decoded->path;
    const std::string_view mount = options_.mount;
    const bool below = path.starts_with(mount) && (path.size() == mount.size() || path[mount.size()] == '/');
    if (!below) return answering_.refuse(404, "the path is not below the application's route");
    script_name_ = mount;
    path_info_ = path.substr(mount.size());
    file_ = options_.program;
    return true;
  }

  loop::Task<bool> find_script(ScriptLookup& lookup) {
    const Script script = co_await lookup.find(path_info_, exchange_.arena);
    if (script.status == 301) co_return redirect_to_slash();
    if (script.status != 0) co_return answering_.refuse(script.status, script.trouble);
    file_ = exchange_.arena.join(options_.root, script.name);
    script_name_ = exchange_.arena.join(script_name_, script.name);
    path_info_ = path_info_.substr(script.path_info);
    non_parsed_ = options_.executable == Executable::kMustBe && is_non_parsed(file_);
    if (!non_parsed_) co_return true;
    if (options_.non_parsed_headers == NonParsedHeaders::kRefuse)
      co_return answering_.refuse(
          403, "programs that write the whole response themselves (nph-) are not allowed here");
    if (request_.version > http::Version::k11)
      co_return answering_.refuse(
          502, "a program that writes the whole response itself (nph-) speaks only HTTP/1");
    co_return true;
  }

  // A directory that has a script for an index: relative links in what that answers need the slash.
  bool redirect_to_slash() {
    const std::string_view path = exchange_.arena.join(script_name_, path_info_);
    exchange_.response.status = 301;
    exchange_.response.fields.add(KnownName::kLocation,
                                  exchange_.arena.join(http::encode_path(path, exchange_.arena), "/",
                                                       request_.has_query ? "?" : "", request_.query));
    return false;
  }

  bool check_body() {
    exchange_.body_limit = std::min(exchange_.body_limit, options_.body_limit);
    if (request_.body == nullptr) return true;
    content_length_ = request_.body->remaining();
    if (content_length_.value_or(0) > exchange_.body_limit)
      return answering_.refuse(413, "the body is longer than the limit");
    return true;
  }

  // CONTENT_LENGTH must be exact (RFC 3875 section 4.1.2).
  bool must_take_body() const {
    if (request_.body == nullptr) return false;
    const bool needs_length = application_.wire.takes() == Takes::kVariables;
    return options_.request_buffering == RequestBuffering::kAlways || (needs_length && !content_length_);
  }

  loop::Task<bool> take_body() {
    const SpoolBounds bounds{options_.spool_above, exchange_.body_limit, options_.spool_directory};
    spool_ = exchange_.keep<Spool>(exchange_.loop, application_.offload, bounds);
    const auto taken = co_await spool_->take(*request_.body);
    if (!taken) co_return answering_.refuse_for_body(taken.error());
    content_length_ = spool_->size();
    co_return true;
  }

  http::Exchange& exchange_;
  const http::Request& request_;
  const Application& application_;
  const AppOptions& options_;
  Answering answering_;

  std::string_view script_name_;
  std::string_view path_info_;
  std::string_view file_;
  bool non_parsed_ = false;
  std::optional<uint64_t> content_length_;
  Spool* spool_ = nullptr;  // kept by the exchange: its conversation reads it
  std::string variables_;
};

}  // namespace

AppHandler::AppHandler(loop::Loop& loop, Application application, AppOptions options)
    : application_(application), options_(std::move(options)), label_("app " + options_.name) {
  if (!options_.root.empty())
    lookup_ = std::make_unique<ScriptLookup>(loop, application_.offload, ScriptRules::from(options_));
}

AppHandler::~AppHandler() = default;

loop::Task<void> AppHandler::handle(http::Exchange& exchange) {
  exchange.handled_by = label_;
  Preparing preparing(exchange, application_, options_);
  co_await preparing.handle(lookup_.get());
}

}  // namespace remuda::gateway
