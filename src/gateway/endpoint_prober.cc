// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/endpoint_prober.h"

#include <fmt/format.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "gateway/wire/cgi_response.h"

namespace remuda::gateway {

namespace {

// An answer's head is looked at, the rest is only waited for.
constexpr size_t kLongestHead = 64 * 1024;
constexpr const char* kStep = "ask an application for its health";

}  // namespace

loop::Task<base::Result<void>> EndpointProber::probe(apps::Endpoint& endpoint, std::string_view path,
                                                     int status, loop::Time deadline) {
  auto socket = co_await endpoint.connect(deadline);
  if (!socket)
    co_return fail(socket.error().code, fmt::format("no connection: {}", ::strerror(socket.error().code)));
  if (path.empty()) co_return base::Result<void>();
  const auto its = dialogue();
  const std::string question = its->question(variables(path));
  if (const auto asked = co_await ask(socket->get(), question, deadline); !asked)
    co_return fail(asked.error().code, fmt::format("it took no request: {}", ::strerror(asked.error().code)));
  const auto answer = co_await hear(socket->get(), *its, deadline);
  if (!answer) co_return std::unexpected(answer.error());
  co_return judge(*answer, status);
}

loop::Task<base::Result<void>> EndpointProber::ask(int socket, const std::string& question,
                                                   loop::Time deadline) {
  std::string_view left = question;
  while (!left.empty()) {
    iovec piece{const_cast<char*>(left.data()), left.size()};
    const msghdr message{.msg_iov = &piece, .msg_iovlen = 1};
    const auto sent = co_await loop_.send_message(socket, message, 0, deadline);
    if (!sent) co_return std::unexpected(sent.error());
    left.remove_prefix(*sent);
  }
  co_return base::Result<void>();
}

loop::Task<base::Result<std::string>> EndpointProber::hear(int socket, Dialogue& dialogue,
                                                           loop::Time deadline) {
  std::string answer;
  std::array<std::byte, 4096> room;
  while (true) {
    const auto got = co_await loop_.receive(socket, room, deadline);
    if (!got) {
      const int code = got.error().code;
      co_return fail(code, code == ETIMEDOUT ? "no answer in time"
                                             : fmt::format("its answer was cut: {}", ::strerror(code)));
    }
    if (*got == 0) co_return answer;
    const size_t before = answer.size();
    const auto progress = dialogue.take({reinterpret_cast<const char*>(room.data()), *got}, answer);
    if (progress == Dialogue::Progress::kBroken) co_return fail(EBADMSG, "it broke the protocol");
    if (progress == Dialogue::Progress::kEnded) co_return answer;
    if (before > kLongestHead) answer.resize(before);
  }
}

base::Result<void> EndpointProber::judge(const std::string& answer, int status) {
  wire::CgiResponseReader reader;
  if (reader.read(answer) != wire::CgiResponseReader::Progress::kComplete)
    return fail(EBADMSG, answer.empty() ? "it answered nothing" : "its answer has no complete header");
  const bool good = status == 0 ? reader.status() < 500 : reader.status() == status;
  if (!good) return fail(EBADMSG, fmt::format("it answered with status {}", reader.status()));
  return {};
}

std::string EndpointProber::variables(std::string_view path) const {
  const std::string_view script = path.substr(0, path.find('?'));
  const std::string_view query = path.substr(std::min(path.size(), script.size() + 1));
  const std::string file = options_.root.empty() ? options_.program : options_.root + std::string(script);
  std::string block;
  const auto add = [&](std::string_view name, std::string_view value) {
    block.append(name).append("=").append(value).push_back('\0');
  };
  add("GATEWAY_INTERFACE", "CGI/1.1");
  add("SERVER_SOFTWARE", options_.server_software);
  add("SERVER_NAME", options_.server_name);
  add("SERVER_PORT", "80");
  add("SERVER_PROTOCOL", "HTTP/1.1");
  add("REMOTE_ADDR", "127.0.0.1");
  add("REQUEST_METHOD", "GET");
  add("REQUEST_URI", path);
  // Without a root the program answers everything, and looks where PATH_INFO says.
  add("SCRIPT_NAME", options_.root.empty() ? std::string_view() : script);
  if (options_.root.empty()) add("PATH_INFO", script);
  add("SCRIPT_FILENAME", file);
  add("QUERY_STRING", query);
  if (!options_.root.empty()) add("DOCUMENT_ROOT", options_.root);
  add("REDIRECT_STATUS", "200");
  add("HTTP_HOST", options_.server_name);
  add("HTTP_USER_AGENT", options_.server_software);
  return block;
}

std::unexpected<base::Error> EndpointProber::fail(int code, std::string trouble) {
  trouble_ = std::move(trouble);
  return base::failure(code, kStep);
}

}  // namespace remuda::gateway
