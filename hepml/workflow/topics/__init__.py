"""What is computed of every run: one module a topic, listed in the registry."""

from hepml.workflow.topics.context import MethodContext, RunContext, Scored
from hepml.workflow.topics.registry import METHOD_TOPICS, RUN_TOPICS, method_topics, run_topics

__all__ = ["METHOD_TOPICS", "RUN_TOPICS", "MethodContext", "RunContext", "Scored", "method_topics", "run_topics"]
