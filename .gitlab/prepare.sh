#!/usr/bin/env bash
# What .github/actions/prepare does: ENV and EXP of the branch, and short-lived AWS credentials where a
# role is named. Read by a job's shell: `. .gitlab/prepare.sh`
export BRANCH="${BRANCH-${CI_COMMIT_BRANCH-}}"
if [ -n "$BRANCH" ]; then
  ENV=$(make env-of) # alone in its line, so that a failure ends the job
  export ENV
fi
EXP=$(make exp-of)
export EXP
if [ -n "${CI_MERGE_REQUEST_TARGET_BRANCH_NAME-}" ]; then
  git fetch --quiet origin "+refs/heads/$CI_MERGE_REQUEST_TARGET_BRANCH_NAME:refs/remotes/origin/$CI_MERGE_REQUEST_TARGET_BRANCH_NAME"
  export BASE="origin/$CI_MERGE_REQUEST_TARGET_BRANCH_NAME"
fi
if [ -n "${AWS_ROLE-}" ]; then
  AWS_WEB_IDENTITY_TOKEN_FILE=$(mktemp)
  printf %s "$AWS_ID_TOKEN" >"$AWS_WEB_IDENTITY_TOKEN_FILE"
  export AWS_ROLE_ARN="$AWS_ROLE" AWS_WEB_IDENTITY_TOKEN_FILE
fi
if [ -n "${CLUSTER-}" ] && [ -n "${DEPLOYS-}" ]; then aws eks update-kubeconfig --name "$CLUSTER"; fi
