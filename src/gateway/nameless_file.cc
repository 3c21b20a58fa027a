// SPDX-License-Identifier: Apache-2.0
//
// Where the file system knows no O_TMPFILE, a name that is taken away at once.
#include "gateway/nameless_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>

namespace remuda::gateway {

base::Result<base::Fd> open_nameless_file(const std::string& directory) {
  base::Fd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  if (errno != EOPNOTSUPP && errno != EISDIR) return base::failure_from_errno("make a nameless file");
  std::string name = directory + "/remuda-spool-XXXXXX";
  file.reset(::mkostemp(name.data(), O_CLOEXEC));
  if (!file) return base::failure_from_errno("make a nameless file");
  ::unlink(name.c_str());
  return file;
}

}  // namespace remuda::gateway
