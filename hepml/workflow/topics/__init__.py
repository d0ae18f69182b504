"""What is computed of every run: one module a topic, listed in the registry."""

from hepml.workflow.topics.context import MethodContext, RunContext, Scored
from hepml.workflow.topics.registry import METHOD_TOPICS, RUN_TOPICS

__all__ = ["METHOD_TOPICS", "RUN_TOPICS", "MethodContext", "RunContext", "Scored"]
