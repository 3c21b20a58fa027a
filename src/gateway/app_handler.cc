// SPDX-License-Identifier: Apache-2.0
//
// See the header. Answering is one exchange's state while handle() runs; its steps stand in run() in their
// order, and each of them returns whether to go on: if not, the response has been filled.
#include "gateway/app_handler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "gateway/response_stream.h"
#include "gateway/run.h"
#include "gateway/script_lookup.h"
#include "gateway/spool.h"
#include "gateway/wire/cgi_request.h"
#include "gateway/wire/cgi_response.h"
#include "http/target.h"

namespace remuda::gateway {

namespace {

using apps::Ending;
using http::KnownName;
using wire::CgiResponseReader;

// How long a missing answer waits for the program's end, so that the end can be told.
constexpr auto kExplainWithin = std::chrono::seconds(1);

// The scope of the story that awaits it.
struct CurrentScope {
  loop::Scope* scope = nullptr;
  void inherit(loop::Scope* its) { scope = its; }
  bool await_ready() const { return true; }
  void await_suspend(std::coroutine_handle<>) const {}
  loop::Scope* await_resume() const { return scope; }
};

bool is_non_parsed(std::string_view file) { return file.substr(file.rfind('/') + 1).starts_with("nph-"); }

int status_for_body_error(int error) {
  switch (error) {
    case EMSGSIZE: return 413;
    case ETIMEDOUT: return 408;
    case ENOSPC:
    case EDQUOT: return 507;
    case EMFILE:
    case ENFILE:
    case EBUSY: return 503;
    case EIO:
    case EROFS:
    case EACCES:
    case ENOENT: return 500;
    default: return 400;
  }
}

int status_for_start(const Ending& ending) {
  if (ending.missing_interpreter) return 500;
  if (!ending.failed_in_exec)
    return ending.code == EAGAIN || ending.code == ENOMEM || ending.code == EMFILE ? 503 : 500;
  switch (ending.code) {
    case ENOENT:
    case ENOTDIR: return 404;
    case EACCES:
    case EPERM:
    case EISDIR:
    case EXDEV:
    case ELOOP: return 403;
    case EAGAIN:
    case ENOMEM: return 503;
    default: return 500;
  }
}

class Answering {
 public:
  Answering(http::Exchange& exchange, apps::Source& source, loop::Offload& offload, AppLog& log,
            const AppOptions& options, ScriptLookup* lookup)
      : exchange_(exchange),
        request_(exchange.request),
        source_(source),
        offload_(offload),
        log_(log),
        options_(options),
        lookup_(lookup) {}

  loop::Task<void> run() {
    if (!split_path()) co_return;
    if (lookup_ != nullptr && !co_await find_script()) co_return;
    if (!check_body()) co_return;
    if (must_spool() && !co_await spool_body()) co_return;
    describe();
    // A start that was lost with its spawner did not begin, as far as anybody saw: once more, if that does no
    // harm.
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (!co_await start()) co_return;
      if (non_parsed_) co_return pass_everything();
      co_await read_head();
      if (attempt > 0 || !may_start_again()) break;
      stream_ = nullptr;
    }
    co_await conclude();
  }

 private:
  // --- before the program

  http::EncodedSlash slash_policy() const {
    return options_.encoded_slash == EncodedSlash::kAllow ? http::EncodedSlash::kDecode
                                                          : http::EncodedSlash::kRefuse;
  }

  // The path below the mount, decoded.
  bool split_path() {
    const auto decoded = http::decode_path(request_.raw_path, slash_policy(), exchange_.arena);
    if (!decoded) {
      if (decoded.error().code == EPERM) return refuse(404, "an encoded slash in the path");
      return refuse(400, "the path cannot be decoded");
    }
    const std::string_view path = decoded->path;
    const std::string_view mount = options_.mount;
    const bool below = path.starts_with(mount) && (path.size() == mount.size() || path[mount.size()] == '/');
    if (!below) return refuse(404, "the path is not below the application's route");
    script_name_ = mount;
    path_info_ = path.substr(mount.size());
    file_ = options_.program;
    return true;
  }

  loop::Task<bool> find_script() {
    Script script = co_await lookup_->find(path_info_);
    if (script.status != 0) co_return refuse(script.status, script.trouble);
    file_ = exchange_.arena.copy(script.file);
    script_name_ = exchange_.arena.join(script_name_, path_info_.substr(0, script.name_length));
    path_info_ = path_info_.substr(script.name_length);
    non_parsed_ = is_non_parsed(file_);
    if (!non_parsed_) co_return true;
    if (options_.non_parsed_headers == NonParsedHeaders::kRefuse)
      co_return refuse(403, "programs that write the whole response themselves (nph-) are not allowed here");
    if (request_.version > http::Version::k11)
      co_return refuse(502, "a program that writes the whole response itself (nph-) speaks only HTTP/1");
    co_return true;
  }

  bool check_body() {
    exchange_.body_limit = std::min(exchange_.body_limit, options_.body_limit);
    if (request_.body == nullptr) return true;
    content_length_ = request_.body->remaining();
    if (content_length_.value_or(0) > exchange_.body_limit)
      return refuse(413, "the body is longer than the limit");
    return true;
  }

  // CONTENT_LENGTH must be exact (RFC 3875 section 4.1.2).
  bool must_spool() const { return request_.body != nullptr && !content_length_; }

  loop::Task<bool> spool_body() {
    const SpoolBounds bounds{options_.spool_above, exchange_.body_limit, options_.spool_directory};
    auto spooled = co_await spool(*request_.body, bounds, exchange_.loop, offload_);
    if (!spooled) co_return refuse_for_body(spooled.error());
    content_length_ = spooled->size;
    spooled_ = std::move(spooled->file);
    co_return true;
  }

  void describe() {
    const http::Endpoints& ends = *request_.endpoints;
    const http::Address local = ends.local();
    std::array<char, http::kAddressText> local_text;
    std::array<char, http::kAddressText> peer_text;
    wire::CgiContext context{.script_name = script_name_, .path_info = path_info_, .script_filename = file_};
    context.document_root = options_.document_root.empty() ? options_.root : options_.document_root;
    context.server_software = options_.server_software;
    context.server_admin = options_.server_admin;
    context.server_name = options_.server_name;
    const auto authority = http::parse_authority(request_.authority, exchange_.arena);
    if (authority && !authority->host.empty()) context.server_name = authority->host;
    context.secure = ends.secure;
    context.server_address = or_loopback(local.ip(local_text));
    context.server_port = local.port();
    if (context.server_port == 0) {
      const auto said = authority ? authority->port : std::nullopt;
      context.server_port = said.value_or(ends.secure ? 443 : 80);
    }
    context.remote_address = or_loopback(ends.peer.ip(peer_text));
    context.remote_port = ends.peer.port();
    context.pass_authorization = options_.authorization == Authorization::kPass;
    context.content_length = content_length_;
    environment_.reserve(2048);
    wire::append_cgi_variables(request_, context, environment_);
  }

  // A Unix socket's end has no address; REMOTE_ADDR must be one.
  static std::string_view or_loopback(std::string_view address) {
    return address.empty() ? "127.0.0.1" : address;
  }

  // --- the program

  loop::Task<bool> start() {
    apps::StartRequest start{.program = options_.program.empty() ? file_ : std::string_view(),
                             .environment = environment_};
    const bool streams = request_.body != nullptr && !spooled_;
    if (spooled_) {
      start.input = apps::InputFrom::kFile;
      start.input_file = spooled_.get();
    } else if (streams) {
      start.input = apps::InputFrom::kPipe;
    }
    loop::Scope waiting(exchange_.loop, co_await CurrentScope());
    exchange_.watch_client(waiting);
    auto lease = co_await waiting.run(source_.acquire(start, loop::kNever));
    exchange_.stop_watching();
    if (!lease) co_return refuse_for(lease.error());
    exchange_.handling_began = exchange_.loop.now();
    auto run = std::make_shared<Run>(exchange_.loop, std::move(*lease), log_, options_, request_.id);
    run->begin(streams ? request_.body : nullptr);
    exchange_.watch_client(run->scope());
    stream_ = exchange_.keep<ResponseStream>(std::move(run), exchange_);
    co_return true;
  }

  // Fills the buffer until the header is complete, broken, too long, or the output ends.
  loop::Task<void> read_head() {
    reader_ = CgiResponseReader();
    progress_ = CgiResponseReader::Progress::kNeedsMore;
    while (progress_ == CgiResponseReader::Progress::kNeedsMore) {
      if (stream_->buffer.room().empty() && !stream_->buffer.grow(options_.head_limit)) {
        too_long_ = true;
        co_return;
      }
      const auto got = co_await stream_->run().read(stream_->buffer.room());
      if (!got || *got == 0) co_return;
      stream_->buffer.added(*got);
      progress_ = reader_.read(stream_->buffer.text());
    }
  }

  bool may_start_again() const {
    const Run& run = stream_->run();
    return progress_ != CgiResponseReader::Progress::kComplete && stream_->buffer.text().empty() &&
           stream_->run().journey().ending.kind == Ending::Kind::kLost && request_.body == nullptr &&
           run.stopped() == 0 && (request_.method == "GET" || request_.method == "HEAD");
  }

  // --- the response

  loop::Task<void> conclude() {
    using Progress = CgiResponseReader::Progress;
    if (too_long_)
      co_return co_await give_up(502, fmt::format("the header is longer than {} bytes", options_.head_limit));
    if (progress_ == Progress::kBroken) co_return co_await give_up(502, reader_.trouble());
    if (progress_ == Progress::kNeedsMore) co_return co_await explain_no_answer();
    const std::string_view text = stream_->buffer.text();
    if (reader_.kind() == CgiResponseReader::Kind::kLocalRedirect) {
      co_await stream_->run().stop_input();
      stream_->settle();
      exchange_.response.internal_redirect = exchange_.arena.copy(reader_.location(text));
      exchange_.response.status = 302;
      co_return;
    }
    co_await answer();
  }

  // Short output that ends soon goes out in one piece with its length; everything else as a stream.
  loop::Task<void> answer() {
    const bool ended = co_await gather();
    // The buffer does not move from here on: views into it stand in the response.
    const std::string_view text = stream_->buffer.text();
    const uint64_t have = text.size() - reader_.head_size();
    const auto announced = reader_.content_length();
    const bool is_head = request_.method == "HEAD";
    const bool whole = ended || (announced && have >= *announced);
    if (whole && !is_head && have < announced.value_or(0))
      co_return co_await give_up(502, "the program sent less than its Content-Length");
    if (ended && !announced && co_await was_killed())
      co_return co_await give_up(502, "the program was killed before its end");

    http::Response& response = exchange_.response;
    response.status = reader_.status();
    response.reason = reader_.reason(text);
    reader_.add_fields(text, response.fields);
    if (!whole) {
      stream_->open(reader_.head_size(), announced);
      response.length = announced;
      response.content = http::StreamContent{stream_};
      co_return;
    }
    co_await stream_->run().stop_input();
    stream_->settle();
    if (is_head) {
      if (announced || have > 0) response.length = announced.value_or(have);
    } else {
      response.content = http::MemoryContent{text.substr(reader_.head_size(), announced.value_or(have))};
    }
  }

  // Whether the output has ended within the gather time and the buffer.
  loop::Task<bool> gather() {
    const loop::Time limit = exchange_.loop.now() + options_.gather_time;
    const auto announced = reader_.content_length();
    while (!stream_->buffer.room().empty()) {
      const uint64_t have = stream_->buffer.text().size() - reader_.head_size();
      if (announced && have >= *announced && have > 0) co_return false;
      const auto got = co_await stream_->run().read(stream_->buffer.room(), limit);
      if (!got) co_return false;
      if (*got == 0) co_return true;
      stream_->buffer.added(*got);
    }
    co_return false;
  }

  loop::Task<bool> was_killed() {
    co_await stream_->run().wait_ended(std::chrono::milliseconds(100));
    co_return stream_->run().journey().ending.kind == Ending::Kind::kSignaled;
  }

  // NPH: the program's bytes are the response (RFC 3875 section 5).
  void pass_everything() {
    exchange_.response.status = 200;
    exchange_.response.raw = true;
    stream_->open(0, std::nullopt);
    exchange_.response.content = http::StreamContent{stream_};
  }

  // --- troubles

  bool refuse(int status, std::string_view trouble) {
    exchange_.response.status = status;
    exchange_.trouble = exchange_.arena.copy(trouble);
    return false;
  }

  bool refuse_for_body(const base::Error& error) {
    const int status = status_for_body_error(error.code);
    return refuse(status, fmt::format("the request's body did not come whole: {}", base::to_string(error)));
  }

  bool refuse_for(const apps::AcquireFailure& failure) {
    using Reason = apps::AcquireFailure::Reason;
    switch (failure.reason) {
      case Reason::kQueueFull: return busy(failure, "too many requests wait for the application already");
      case Reason::kQueueTimeout:
        return busy(failure, "no place was free within the application's queue time");
      case Reason::kCancelled:
        return refuse(503, "the client left while its request waited for the application");
      case Reason::kTooLarge: return refuse(431, "the request's fields are more than a program can be given");
      case Reason::kHopeless:
        return busy(failure, "the wait for the application would be longer than its queue time");
      case Reason::kNotStarting:
      case Reason::kAllDown:
      case Reason::kUnavailable: break;
    }
    return busy(failure, fmt::format("the program could not be started: {}", base::to_string(failure.error)));
  }

  bool busy(const apps::AcquireFailure& failure, std::string_view trouble) {
    const std::string seconds = fmt::format("{}", failure.retry_after.count());
    exchange_.response.fields.add(KnownName::kRetryAfter, exchange_.arena.copy(seconds));
    return refuse(503, trouble);
  }

  // The output ended, or was ended, before the header was complete.
  loop::Task<void> explain_no_answer() {
    Run& run = stream_->run();
    if (run.stopped() == ETIMEDOUT)
      co_return co_await give_up(
          504, fmt::format("no answer within the time limit of {} s", seconds(options_.time_limit)));
    if (run.stopped() != 0)
      co_return co_await give_up(503, "the client left before the program had answered");
    if (run.body_error() != 0) {
      const base::Error error{run.body_error(), "read the request's body"};
      co_return co_await give_up(status_for_body_error(error.code), base::to_string(error));
    }
    if (!co_await run.wait_ended(kExplainWithin))
      co_return co_await give_up(502,
                                 "the program closed its output before its header was complete, and runs on");
    const Ending ending = run.journey().ending;
    co_await give_up(status_for(ending), trouble_for(ending));
  }

  int status_for(const Ending& ending) const {
    switch (ending.kind) {
      case Ending::Kind::kNotStarted: return status_for_start(ending);
      case Ending::Kind::kExited: return ending.code == 0 ? 502 : 500;
      case Ending::Kind::kLost:
      case Ending::Kind::kUnknown: return 503;
      default: return 502;
    }
  }

  std::string trouble_for(const Ending& ending) const {
    std::string text = to_string(ending);
    if (ending.kind == Ending::Kind::kNotStarted) return "the program " + std::string(file_) + ": " + text;
    text = "the program " + text +
           (stream_->buffer.text().empty() ? " before it sent a header" : " in the middle of its header");
    const auto& lines = stream_->run().journey().error_lines;
    return lines.empty() ? text : text + "; it said: " + lines.back();
  }

  static double seconds(loop::Duration duration) { return std::chrono::duration<double>(duration).count(); }

  // An error page instead of whatever the program does. It is ended; nothing that it wrote is sent.
  loop::Task<void> give_up(int status, std::string_view trouble) {
    Run& run = stream_->run();
    run.set_trouble(trouble);
    refuse(status, trouble);
    if (status == 503) exchange_.response.fields.add(KnownName::kRetryAfter, "1");
    run.terminate("it was of no use any more");
    co_await run.stop_input();
    co_await run.wait_settled(std::chrono::milliseconds(50));
    std::string details;
    for (const std::string& line : to_lines(run.journey())) details.append(line).push_back('\n');
    exchange_.details = exchange_.arena.copy(details);
  }

  http::Exchange& exchange_;
  const http::Request& request_;
  apps::Source& source_;
  loop::Offload& offload_;
  AppLog& log_;
  const AppOptions& options_;
  ScriptLookup* lookup_;

  std::string_view script_name_;
  std::string_view path_info_;
  std::string_view file_;
  bool non_parsed_ = false;
  std::optional<uint64_t> content_length_;
  base::Fd spooled_;
  std::string environment_;

  ResponseStream* stream_ = nullptr;  // kept by the exchange
  CgiResponseReader reader_;
  CgiResponseReader::Progress progress_ = CgiResponseReader::Progress::kNeedsMore;
  bool too_long_ = false;
};

}  // namespace

AppHandler::AppHandler(loop::Loop& loop, apps::Source& source, loop::Offload& offload, AppLog& log,
                       AppOptions options)
    : source_(source),
      offload_(offload),
      log_(log),
      options_(std::move(options)),
      label_("app " + options_.name),
      lookup_(options_.program.empty() ? std::make_unique<ScriptLookup>(loop, offload, options_.root)
                                       : nullptr) {}

AppHandler::~AppHandler() = default;

loop::Task<void> AppHandler::handle(http::Exchange& exchange) {
  exchange.handled_by = label_;
  Answering answering(exchange, source_, offload_, log_, options_, lookup_.get());
  co_await answering.run();
}

}  // namespace remuda::gateway
