// SPDX-License-Identifier: Apache-2.0
//
// Finding the sockets, and asking all of them.
#include "cli/live_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "admin/json.h"
#include "admin/query.h"
#include "config/quantity.h"

namespace remuda::cli {
namespace {

namespace fs = std::filesystem;

// A status of 404 and the like, said by the server in a sentence.
constexpr int kRefused = EBADRQC;

constexpr std::chrono::seconds kPatience{5};

StatusFailure refusal(const StatusAnswer& answer) {
  const std::string sentence = admin::parse_sentence(answer.content);
  return {kRefused, sentence.empty() ? fmt::format("the server answered {}", answer.status) : sentence};
}

std::expected<admin::Snapshot, StatusFailure> snapshot_in(const StatusResult& answer) {
  if (!answer) return std::unexpected(answer.error());
  if (answer->status != 200) return std::unexpected(refusal(*answer));
  auto snapshot = admin::parse_snapshot(answer->content);
  if (!snapshot) return std::unexpected(StatusFailure{EPROTO, "what came is no status"});
  return std::move(*snapshot);
}

// What the server was told to serve, of which only the name matters here.
config::Config named_only(const Source& source) {
  const std::string here = fs::current_path().string();
  config::Config config;
  const bool has_usual_file = source.file.empty() && source.directory.empty() && fs::exists(kUsualFile);
  const std::string& file = has_usual_file ? kUsualFile : source.file;
  const std::string& named = !file.empty() ? file : source.directory.empty() ? "." : source.directory;
  config.identity = config::absolute_path(named, here);
  return config;
}

}  // namespace

std::vector<std::string> LiveServer::sockets_in(const std::string& directory) {
  std::vector<std::string> sockets;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with("status.") && name.ends_with(".sock")) sockets.push_back(entry->path().string());
  }
  // By number, which is longer for those that come later.
  std::ranges::sort(sockets, [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  return sockets;
}

std::expected<LiveServer, std::string> LiveServer::find(const Reach& reach) {
  if (!reach.socket.empty()) return LiveServer({reach.socket});
  const auto config = load(reach.source);
  const std::string directory = config::run_directory(config ? *config : named_only(reach.source));
  std::vector<std::string> sockets = sockets_in(directory);
  if (!sockets.empty()) return LiveServer(std::move(sockets));
  if (!config) {
    return std::unexpected(
        fmt::format("{}; or say --socket PATH", config::to_string(config.error().front())));
  }
  return std::unexpected(
      fmt::format("no server runs with {}: there is no status.*.sock in {}", name_of(*config), directory));
}

std::expected<Gathered, StatusFailure> LiveServer::gather(const std::string& app) const {
  const std::string target = app.empty() ? "/status" : "/status/apps/" + admin::percent_encoded(app);
  const auto until = StatusRequest::Clock::now() + kPatience;
  std::vector<std::expected<StatusRequest, StatusFailure>> requests;
  for (const std::string& socket : sockets_)
    requests.push_back(StatusRequest::send(socket, "GET", target, until));
  Gathered gathered;
  std::vector<admin::Snapshot> parts;
  StatusFailure failure{ENOENT, "there is no server"};
  for (auto& request : requests) {
    auto part = snapshot_in(request ? request->result(until) : std::unexpected(request.error()));
    if (part) {
      parts.push_back(std::move(*part));
    } else {
      failure = std::move(part.error());
      gathered.silent.push_back(failure.what);
    }
  }
  if (parts.empty()) return std::unexpected(std::move(failure));
  gathered.snapshot = admin::merge(std::move(parts));
  return gathered;
}

int report(std::string_view command, const StatusFailure& failure, const Terminal& terminal) {
  terminal.complain(fmt::format("remuda {}: {}", command, failure.what));
  return failure.code == kRefused ? kFailure : kNoServer;
}

}  // namespace remuda::cli
