"""Share results through S3 with DVC: remotes, run-cache, verification, retention."""
