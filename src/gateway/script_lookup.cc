// SPDX-License-Identifier: Apache-2.0
//
// See the header. Of programs that are started for each request the spawner resolves the name again, and
// strictly; this look only finds where it ends and explains what is wrong.
#include "gateway/script_lookup.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"

namespace remuda::gateway {

namespace {

constexpr auto kKnownFor = std::chrono::seconds(1);
constexpr size_t kMostKnown = 1024;

base::Fd open_beneath(int root, const std::string& relative) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const long file = ::syscall(SYS_openat2, root, relative.c_str(), &how, sizeof how);
  if (file < 0 && (errno == ENOSYS || errno == EPERM))
    return base::Fd(::openat(root, relative.c_str(), O_PATH | O_CLOEXEC));
  return base::Fd(static_cast<int>(file));
}

// What the offload thread brings back.
struct Found {
  int status = 0;
  std::string_view trouble;
  std::string name;
  size_t path_info = 0;
};

Found refused(int status, std::string_view trouble) {
  return {.status = status, .trouble = trouble, .name = {}};
}

Found refused_for(int error) {
  switch (error) {
    case EXDEV:
    case ELOOP: return refused(403, "a link leads out of the application's root");
    case EACCES: return refused(403, "no permission to look at the program");
    case EMFILE:
    case ENFILE:
    case ENOMEM: return refused(503, "no descriptor or memory to look for the program");
    default: return refused(404, "there is no such program");
  }
}

// The end of the component that begins at `begin`, a slash.
size_t component_end(std::string_view path, size_t begin) {
  return std::min(path.find('/', begin + 1), path.size());
}

class Search {
 public:
  Search(const ScriptRules& rules, std::string_view path)
      : rules_(rules), path_(path), root_(::open(rules.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

  Found run() const {
    if (!root_) return refused(errno == ENOENT ? 404 : 403, "the application's root cannot be opened");
    Found found = walk();
    const bool is_nothing = found.status == 404 || (found.status == 403 && found.trouble == kDirectory);
    if (!is_nothing || rules_.fallback.empty() || kind_of(rules_.fallback) != Kind::kScript) return found;
    return {.status = 0, .trouble = {}, .name = rules_.fallback, .path_info = path_.size()};
  }

 private:
  enum class Kind : uint8_t { kNothing, kDirectory, kScript, kOtherFile, kNotExecutable, kSpecial };
  static constexpr std::string_view kDirectory = "a directory is not a program";

  // `name` begins with a slash. kNothing: errno says why.
  Kind kind_of(std::string_view name) const {
    const base::Fd file = open_beneath(root_.get(), std::string(name.substr(1)));
    struct stat status{};
    if (!file || ::fstat(file.get(), &status) < 0) return Kind::kNothing;
    if (S_ISDIR(status.st_mode)) return Kind::kDirectory;
    if (!S_ISREG(status.st_mode)) return Kind::kSpecial;
    if (!rules_.is_script(name)) return Kind::kOtherFile;
    const bool may_run = rules_.executable == Executable::kNeedNotBe || (status.st_mode & 0111) != 0;
    return may_run ? Kind::kScript : Kind::kNotExecutable;
  }

  Found walk() const {
    for (size_t begin = 0; begin < path_.size();) {
      const size_t end = component_end(path_, begin);
      if (end == begin + 1) return index_of(path_);  // a slash at the end
      if (path_[begin + 1] == '.') return refused(404, "names that begin with a dot are hidden");
      switch (kind_of(path_.substr(0, end))) {
        case Kind::kNothing: return refused_for(errno);
        case Kind::kSpecial: return refused(403, "neither a file nor a directory");
        case Kind::kOtherFile: return refused(404, "a file that is no script of the application");
        case Kind::kNotExecutable: return refused(403, "the program is not executable");
        case Kind::kScript:
          return {.status = 0, .trouble = {}, .name = std::string(path_.substr(0, end)), .path_info = end};
        case Kind::kDirectory: break;
      }
      begin = end;
    }
    const Found index = index_of(std::string(path_) + "/");
    return index.status == 0 ? refused(301, "a directory without a slash at its end") : index;
  }

  Found index_of(std::string_view directory) const {
    for (const std::string& each : rules_.index) {
      std::string name = std::string(directory) + each;
      if (kind_of(name) == Kind::kScript)
        return {.status = 0, .trouble = {}, .name = std::move(name), .path_info = path_.size()};
    }
    return refused(403, kDirectory);
  }

  const ScriptRules& rules_;
  const std::string_view path_;
  const base::Fd root_;
};

}  // namespace

ScriptRules ScriptRules::from(const AppOptions& options) {
  return {options.root, options.scripts, options.index, options.fallback, options.executable};
}

bool ScriptRules::is_script(std::string_view name) const {
  return suffixes.empty() ||
         std::ranges::any_of(suffixes, [name](const std::string& suffix) { return name.ends_with(suffix); });
}

ScriptLookup::ScriptLookup(loop::Loop& loop, loop::Offload& offload, ScriptRules rules)
    : loop_(loop), offload_(offload), rules_(std::move(rules)) {}

loop::Task<Script> ScriptLookup::find(std::string_view path, base::Arena& arena) {
  if (const auto known = find_known(path, arena)) co_return *known;
  const auto found =
      co_await offload_.run(loop_, [&]() -> base::Result<Found> { return Search(rules_, path).run(); });
  if (!found) co_return Script{.status = 503, .trouble = "too many files are waited for"};
  if (found->status == 0) remember(path, found->name);
  co_return Script{found->status, found->trouble, arena.copy(found->name), found->path_info};
}

void ScriptLookup::remember(std::string_view path, std::string_view name) {
  if (known_.size() >= kMostKnown) known_.clear();
  known_.insert_or_assign(std::string(path.starts_with(name) ? name : path),
                          Known{std::string(name), loop_.now()});
}

const ScriptLookup::Known* ScriptLookup::fresh(std::string_view path) const {
  const auto found = known_.find(path);
  if (found == known_.end() || loop_.now() - found->second.seen > kKnownFor) return nullptr;
  return &found->second;
}

std::optional<Script> ScriptLookup::find_known(std::string_view path, base::Arena& arena) const {
  if (const Known* const whole = fresh(path)) return Script{0, {}, arena.copy(whole->name), path.size()};
  for (size_t begin = 0; begin < path.size(); begin = component_end(path, begin)) {
    const size_t end = component_end(path, begin);
    const Known* const script = fresh(path.substr(0, end));
    if (script != nullptr && script->name.size() == end) return Script{0, {}, path.substr(0, end), end};
  }
  return std::nullopt;
}

}  // namespace remuda::gateway
