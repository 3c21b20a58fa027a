# SPDX-License-Identifier: Apache-2.0
"""What the loaders of Python share. The name is one that no application has."""
